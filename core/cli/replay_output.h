#pragma once
// What `replay` prints: one JSON line for each event, watcher and sink, on standard output or into
// a file for each sink; and the comparison with the lines that were expected.
//
//     {"input":3,"time":"2026-11-23T05:01:40Z","watcher":"w","sink":"s","what":"sent","event":{…}}
//
// With these as they apply: "by", the watchers that emitted it; "direct"; "why"; of the kinds kube
// and store "verb" and "patch"; of webhooks "method", "url" (as it may be shown) and "body".

#include "rehearse/rehearsal.h"

typedef struct mcr_replay_output mcr_replay_output;

typedef struct mcr_replay_output_options {
    const char *dir;    // WATCHER.SINK.jsonl there, instead of standard output; NULL
    const char *expect; // a file with the lines that are expected; NULL: none
    bool bless;         // it is written, instead of compared
    bool all;           // lines as well for what reaches no sink
} mcr_replay_output_options;

// mcr_replay_output_new opens the files for a configuration, which it holds (texts of the
// options are borrowed). NULL with a sentence.
mcr_replay_output *mcr_replay_output_new(const mcr_replay_output_options *options,
                                         mcr_config *config, mcr_errbuf *err);
void mcr_replay_output_free(mcr_replay_output *o);

// mcr_replay_output_record is `record` of an observer whose `self` is the output.
void mcr_replay_output_record(void *self, const mcr_rehearsal_place *at,
                              const mcr_rehearsal_record *record);

// mcr_replay_output_flush hands over what is buffered, for who watches.
void mcr_replay_output_flush(mcr_replay_output *o);

// mcr_replay_output_end closes the files, and says on stderr where the lines differ from those that
// were expected. False: they do, or something could not be written (`whole` false: nothing more is
// compared, nor blessed, since the input was not read to its end).
bool mcr_replay_output_end(mcr_replay_output *o, bool whole);
