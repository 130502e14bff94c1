#pragma once
// Where in the configuration's text something stands: tables do not remember their lines, so the
// text is searched.

// mcr_config_line returns the line (from 1) of the whole word `word` in `text`, outside comments:
// inside the part that `where` names ("watchers[2]", "sinks.archive", "limits", "" for all of it)
// when the text spells that part out, else anywhere. 0 when it does not stand there.
int mcr_config_line(const char *text, const char *where, const char *word);
