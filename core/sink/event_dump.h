#pragma once
// An event as Go prints it: the String() of v1.Event.

#include "base/buf.h"
#include "event/event.h"

// mcr_event_dump appends `&Event{ObjectMeta:{web-1.17979cfe3d85cd15  default …},InvolvedObject:…}`,
// about 600 bytes. Nothing in it is escaped. finalizers, ownerReferences and managedFields are
// their JSON where Go prints structs ([] when there are none).
void mcr_event_dump(mcr_buf *out, const mcr_event *ev);
