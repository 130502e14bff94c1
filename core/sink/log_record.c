#include "sink/log_record.h"

#include "sink/event_dump.h"
#include "sink/format.h"
#include "sink/klog.h"

void mcr_log_record_send(const mcr_log_hook *hook, const mcr_log_record *record)
{
    if (hook->write)
        hook->write(hook->self, record);
}

void mcr_log_record_write(mcr_buf *out, const mcr_log_record *record)
{
    mcr_go_quote(out, mcr_str_of(record->message));
    for (size_t i = 0; i < record->n; i++) {
        const mcr_log_value *value = &record->values[i];
        mcr_buf_putc(out, ' ');
        mcr_buf_puts(out, value->key);
        mcr_buf_putc(out, '=');
        if (value->event) {
            mcr_buf dump = { 0 };
            mcr_event_dump(&dump, value->event);
            mcr_klog_value(out, mcr_buf_str(&dump));
            mcr_buf_fini(&dump);
        } else if (value->bare) {
            mcr_buf_add(out, value->text);
        } else {
            mcr_klog_value(out, value->text);
        }
    }
    mcr_buf_putc(out, '\n');
}
