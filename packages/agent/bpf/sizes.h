/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Sizes of what is shared: a field that moves is seen when either side is built. */
#ifndef RINGWALL_SIZES_H
#define RINGWALL_SIZES_H

#define RW_SIZE(type, bytes) \
	_Static_assert(sizeof(struct type) == (bytes), #type)
RW_SIZE(rw_slot, 56);
RW_SIZE(rw_policy_key, 16);
RW_SIZE(rw_policy_value, 8);
RW_SIZE(rw_peer_key, 20);
RW_SIZE(rw_peer_value, 8);
RW_SIZE(rw_file_key, 24);
RW_SIZE(rw_executable, 8);
RW_SIZE(rw_exec_key, 16);
RW_SIZE(rw_task, 40);
RW_SIZE(rw_resolution, 16);
RW_SIZE(rw_identity_key, 24);
RW_SIZE(rw_process, 40);
RW_SIZE(rw_adoption, 40);
RW_SIZE(rw_listener_key, 8);
RW_SIZE(rw_flow_key, 36);
RW_SIZE(rw_flow_value, 40);
RW_SIZE(rw_shadow, 24);
RW_SIZE(rw_shadow_key, 36);
RW_SIZE(rw_shadow_value, 24);
RW_SIZE(rw_event_header, 16);
RW_SIZE(rw_exec_event, 376 + 8192 + 16384);
RW_SIZE(rw_identity_miss_event, 72);
RW_SIZE(rw_denial_event, 104);
RW_SIZE(rw_unknown_listener_event, 40);
RW_SIZE(rw_task_record, 72);
RW_SIZE(rw_optional_program, 200);
RW_SIZE(rw_meta, 4856);

#endif
