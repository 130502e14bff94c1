#include "script/core_module.h"

#include <stddef.h>

#include "event/event_abi.h"
#include "script/script_abi.h"

typedef struct layout_field {
    const char *name; // NULL: a struct begins, `offset` is its size
    size_t offset;
    const char *struct_name;
} layout_field;

#define STRUCT(type)                                                                               \
    {                                                                                              \
        NULL, sizeof(type), #type                                                                  \
    }
#define FIELD(type, field)                                                                         \
    {                                                                                              \
#field, offsetof(type, field), #type                                                       \
    }

// Every struct of the headers that LuaJIT reads, as the C compiler sees it; tests/lua/abi_spec.lua
// compares, and fails when one is missing here.
static const layout_field layout[] = {
    STRUCT(mcr_str),
    FIELD(mcr_str, ptr),
    FIELD(mcr_str, len),
    FIELD(mcr_str, id),
    STRUCT(mcr_time),
    FIELD(mcr_time, text),
    FIELD(mcr_time, sec),
    FIELD(mcr_time, nsec),
    FIELD(mcr_time, set),
    STRUCT(mcr_pair),
    FIELD(mcr_pair, key),
    FIELD(mcr_pair, value),
    STRUCT(mcr_pairs),
    FIELD(mcr_pairs, at),
    FIELD(mcr_pairs, n),
    STRUCT(mcr_object_reference),
    FIELD(mcr_object_reference, kind),
    FIELD(mcr_object_reference, namespace),
    FIELD(mcr_object_reference, name),
    FIELD(mcr_object_reference, uid),
    FIELD(mcr_object_reference, apiVersion),
    FIELD(mcr_object_reference, resourceVersion),
    FIELD(mcr_object_reference, fieldPath),
    STRUCT(mcr_event_source),
    FIELD(mcr_event_source, component),
    FIELD(mcr_event_source, host),
    STRUCT(mcr_event_series),
    FIELD(mcr_event_series, count),
    FIELD(mcr_event_series, set),
    FIELD(mcr_event_series, lastObservedTime),
    STRUCT(mcr_object_meta),
    FIELD(mcr_object_meta, name),
    FIELD(mcr_object_meta, generateName),
    FIELD(mcr_object_meta, namespace),
    FIELD(mcr_object_meta, selfLink),
    FIELD(mcr_object_meta, uid),
    FIELD(mcr_object_meta, resourceVersion),
    FIELD(mcr_object_meta, generation),
    FIELD(mcr_object_meta, creationTimestamp),
    FIELD(mcr_object_meta, deletionTimestamp),
    FIELD(mcr_object_meta, deletionGracePeriodSeconds),
    FIELD(mcr_object_meta, labels),
    FIELD(mcr_object_meta, annotations),
    FIELD(mcr_object_meta, finalizers),
    FIELD(mcr_object_meta, ownerReferences),
    FIELD(mcr_object_meta, managedFields),
    STRUCT(mcr_event),
    FIELD(mcr_event, refs),
    FIELD(mcr_event, hops),
    FIELD(mcr_event, change),
    FIELD(mcr_event, api),
    FIELD(mcr_event, delta),
    FIELD(mcr_event, count),
    FIELD(mcr_event, source_index),
    FIELD(mcr_event, record),
    FIELD(mcr_event, raw),
    FIELD(mcr_event, metadata),
    FIELD(mcr_event, involvedObject),
    FIELD(mcr_event, reason),
    FIELD(mcr_event, message),
    FIELD(mcr_event, source),
    FIELD(mcr_event, firstTimestamp),
    FIELD(mcr_event, lastTimestamp),
    FIELD(mcr_event, type),
    FIELD(mcr_event, eventTime),
    FIELD(mcr_event, series),
    FIELD(mcr_event, action),
    FIELD(mcr_event, related),
    FIELD(mcr_event, has_related),
    FIELD(mcr_event, unknown_fields),
    FIELD(mcr_event, counted),
    FIELD(mcr_event, reportingComponent),
    FIELD(mcr_event, reportingInstance),
    STRUCT(mcr_view),
    FIELD(mcr_view, handle),
    FIELD(mcr_view, gen),
    STRUCT(mcr_meta_view),
    FIELD(mcr_meta_view, handle),
    FIELD(mcr_meta_view, gen),
    STRUCT(mcr_source_view),
    FIELD(mcr_source_view, handle),
    FIELD(mcr_source_view, gen),
    STRUCT(mcr_series_view),
    FIELD(mcr_series_view, handle),
    FIELD(mcr_series_view, gen),
    STRUCT(mcr_ref_view),
    FIELD(mcr_ref_view, handle),
    FIELD(mcr_ref_view, gen),
    FIELD(mcr_ref_view, part),
    STRUCT(mcr_pairs_view),
    FIELD(mcr_pairs_view, handle),
    FIELD(mcr_pairs_view, gen),
    FIELD(mcr_pairs_view, part),
    STRUCT(mcr_slot),
    FIELD(mcr_slot, handle),
    FIELD(mcr_slot, outcome),
    FIELD(mcr_slot, sinks),
    STRUCT(mcr_run),
    FIELD(mcr_run, gen),
    FIELD(mcr_run, now),
    FIELD(mcr_run, slot),
    FIELD(mcr_run, first),
    FIELD(mcr_run, last),
    FIELD(mcr_run, made),
    FIELD(mcr_run, scoped),
    FIELD(mcr_run, in_hook),
    FIELD(mcr_run, ordered),
    FIELD(mcr_run, observed),
    FIELD(mcr_run, answers),
    FIELD(mcr_run, deadline),
    FIELD(mcr_run, script),
    STRUCT(mcr_script_api),
    FIELD(mcr_script_api, ref),
    FIELD(mcr_script_api, pin),
    FIELD(mcr_script_api, unref_view),
    FIELD(mcr_script_api, replace),
    FIELD(mcr_script_api, pair),
    FIELD(mcr_script_api, time),
    FIELD(mcr_script_api, occurrences),
    FIELD(mcr_script_api, scope),
    FIELD(mcr_script_api, release_scoped),
    FIELD(mcr_script_api, lap),
    FIELD(mcr_script_api, patch_begin),
    FIELD(mcr_script_api, patch_string),
    FIELD(mcr_script_api, patch_number),
    FIELD(mcr_script_api, patch_boolean),
    FIELD(mcr_script_api, patch_apply),
};

// core.layout(): struct name → { size =, fields = { name → offset } }
static int push_layout(lua_State *L)
{
    lua_newtable(L); // structs
    for (size_t i = 0; i < sizeof layout / sizeof *layout; i++) {
        const layout_field *f = &layout[i];
        if (!f->name) {
            lua_newtable(L);                      // structs struct
            lua_pushnumber(L, (double)f->offset); // structs struct size
            lua_setfield(L, -2, "size");          // structs struct
            lua_newtable(L);                      // structs struct fields
            lua_setfield(L, -2, "fields");        // structs struct
            lua_setfield(L, -2, f->struct_name);  // structs
            continue;
        }
        lua_getfield(L, -1, f->struct_name);  // structs struct
        lua_getfield(L, -1, "fields");        // structs struct fields
        lua_pushnumber(L, (double)f->offset); // structs struct fields offset
        lua_setfield(L, -2, f->name);         // structs struct fields
        lua_pop(L, 2);                        // structs
    }
    return 1;
}

void mcr_lua_register_layout(lua_State *L)
{
    lua_pushcfunction(L, push_layout); // core layout
    lua_setfield(L, -2, "layout");     // core
}
