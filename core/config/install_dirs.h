#pragma once
// Where the installed files are: relative to the program itself, so that a moved or staged
// installation finds its own.

// mcr_install_dir returns the path of <prefix>/share/mooncrier/<name>, <prefix> being two levels up
// from the running program, or NULL when there is no such folder (the program runs where it was
// built). The caller frees it.
char *mcr_install_dir(const char *name);
