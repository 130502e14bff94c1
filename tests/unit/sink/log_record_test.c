// sink/log_record.h and sink/event_dump.h. Dumps of many events are in the vectors (log_cases).

#include "sample.h"

#include "sink/event_dump.h"
#include "sink/log_record.h"

static void values_as_klog_writes_them(void **state)
{
    (void)state;
    mcr_log_record record = { .message = "He said \"no\"",
                              .error = true,
                              .n = 4,
                              .values = {
                                  { .key = "err", .text = MCR_STR("bad \"x\"") },
                                  { .key = "object", .text = MCR_STR("null"), .bare = true },
                                  { .key = "empty" },
                                  { .key = "lines", .text = MCR_STR("a\nb\n") } } };
    mcr_buf out = { 0 };
    mcr_log_record_write(&out, &record);
    assert_text(&out, "\"He said \\\"no\\\"\" err=\"bad \\\"x\\\"\" object=null empty=\"\" "
                      "lines=<\n\ta\n\tb\n >\n");
    mcr_buf_fini(&out);
}

static void an_event_is_dumped(void **state)
{
    (void)state;
    mcr_event fields = sample_fields();
    mcr_log_record record = { .message = "m", .n = 1, .values = { { .key = "event" } } };
    record.values[0].event = &fields;
    mcr_buf out = { 0 };
    mcr_log_record_write(&out, &record);
    assert_text(&out,
                "\"m\" event=\"&Event{ObjectMeta:{web-1.17979cfe3d85cd15  default    0 "
                "0001-01-01 00:00:00 +0000 UTC <nil> <nil> map[] map[] [] [] []},"
                "InvolvedObject:ObjectReference{Kind:Pod,Namespace:default,Name:web-1,UID:8d0b6f0e,"
                "APIVersion:v1,ResourceVersion:,FieldPath:,},Reason:Started,"
                "Message:Started container web,Source:EventSource{Component:kubelet,Host:node-1,},"
                "FirstTimestamp:2023-11-14 21:13:20.123456789 +0000 UTC,"
                "LastTimestamp:2023-11-14 22:08:08.123456789 +0000 UTC,Count:3,Type:Normal,"
                "EventTime:0001-01-01 00:00:00 +0000 UTC,Series:nil,Action:,Related:nil,"
                "ReportingController:kubelet,ReportingInstance:node-1,}\"\n");
    mcr_buf_fini(&out);
}

static void assert_dumped(const mcr_event *ev, const char *part)
{
    mcr_buf out = { 0 };
    mcr_event_dump(&out, ev);
    if (!strstr(mcr_buf_cstr(&out), part))
        fail_msg("%s is not in %s", part, out.ptr);
    mcr_buf_fini(&out);
}

static void everything_an_event_may_have(void **state)
{
    (void)state;
    mcr_pair labels[] = { { MCR_STR("b"), MCR_STR("2") },
                          { MCR_STR("ab"), MCR_STR("") },
                          { MCR_STR("a"), MCR_STR("1") } };
    mcr_event ev = sample_fields();
    ev.metadata.generateName = MCR_STR("web-");
    ev.metadata.selfLink = MCR_STR("/l");
    ev.metadata.uid = MCR_STR("u");
    ev.metadata.resourceVersion = MCR_STR("7");
    ev.metadata.generation = -2;
    ev.metadata.creationTimestamp = mcr_time_of(0);
    ev.metadata.deletionTimestamp = mcr_time_of(1500000000);
    ev.metadata.deletionGracePeriodSeconds = 30;
    ev.metadata.labels = (mcr_pairs){ labels, 3 };
    ev.metadata.finalizers = MCR_STR("[\"f\"]");
    ev.series.set = 1;
    ev.series.count = 2;
    ev.series.lastObservedTime = mcr_time_of(5000006000);
    ev.action = MCR_STR("Act");
    ev.has_related = 1;
    ev.related.kind = MCR_STR("Node");
    assert_dumped(&ev, "{ObjectMeta:{web-1.17979cfe3d85cd15 web- default /l u 7 -2 "
                       "1970-01-01 00:00:00 +0000 UTC 1970-01-01 00:00:01.5 +0000 UTC 30 "
                       "map[a:1 ab: b:2] map[] [] [\"f\"] []}");
    assert_dumped(&ev, "Series:&EventSeries{Count:2,LastObservedTime:1970-01-01 00:00:05.000006 "
                       "+0000 UTC,},Action:Act,Related:&ObjectReference{Kind:Node,Namespace:,Name:,"
                       "UID:,APIVersion:,ResourceVersion:,FieldPath:,},Reporting");
}

static void nobody_has_to_listen(void **state)
{
    (void)state;
    mcr_log_hook nobody = { 0 };
    mcr_log_record record = { .message = "m" };
    mcr_log_record_send(&nobody, &record);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_as_klog_writes_them),
        cmocka_unit_test(an_event_is_dumped),
        cmocka_unit_test(everything_an_event_may_have),
        cmocka_unit_test(nobody_has_to_listen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
