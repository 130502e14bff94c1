#pragma once
// The commands of the program, one file each (those that ask a running one are in ask.c). argv[0]
// is the command's own name; flags given before it on the command line follow there. Each returns
// the exit code (cli/args.h).

int mcr_cmd_check(int argc, char **argv);
int mcr_cmd_convert(int argc, char **argv);
int mcr_cmd_diff(int argc, char **argv);
int mcr_cmd_eval(int argc, char **argv);
int mcr_cmd_explain(int argc, char **argv);
int mcr_cmd_get(int argc, char **argv);
int mcr_cmd_init(int argc, char **argv);
int mcr_cmd_profile(int argc, char **argv);
int mcr_cmd_record(int argc, char **argv);
int mcr_cmd_reload(int argc, char **argv);
int mcr_cmd_repl(int argc, char **argv);
int mcr_cmd_replay(int argc, char **argv);
int mcr_cmd_rollback(int argc, char **argv);
int mcr_cmd_run(int argc, char **argv);
int mcr_cmd_scripts(int argc, char **argv);
int mcr_cmd_serve(int argc, char **argv);
int mcr_cmd_shadow(int argc, char **argv);
int mcr_cmd_simulate(int argc, char **argv);
int mcr_cmd_status(int argc, char **argv);
int mcr_cmd_tap(int argc, char **argv);
int mcr_cmd_test(int argc, char **argv);
int mcr_cmd_version(int argc, char **argv);
