/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Mentions every shared type once, so that all of them are in the object's BTF,
 * from which the TypeScript layout is generated.
 */
#ifndef RINGWALL_LAYOUT_H
#define RINGWALL_LAYOUT_H

#define RW_LAYOUT(kind, name) \
	const kind name *layout_of_##name __attribute__((unused))

RW_LAYOUT(enum, rw_limit);
RW_LAYOUT(enum, rw_direction);
RW_LAYOUT(enum, rw_proto);
RW_LAYOUT(enum, rw_mode);
RW_LAYOUT(enum, rw_action);
RW_LAYOUT(enum, rw_policy_flag);
RW_LAYOUT(enum, rw_slot_flag);
RW_LAYOUT(enum, rw_peer_flag);
RW_LAYOUT(enum, rw_subject);
RW_LAYOUT(enum, rw_executable_flag);
RW_LAYOUT(enum, rw_task_flag);
RW_LAYOUT(enum, rw_verdict);
RW_LAYOUT(enum, rw_reason);
RW_LAYOUT(enum, rw_flow_state);
RW_LAYOUT(enum, rw_counter);
RW_LAYOUT(enum, rw_active);
RW_LAYOUT(enum, rw_event_type);
RW_LAYOUT(enum, rw_exec_flag);
RW_LAYOUT(enum, rw_connection_layout);
RW_LAYOUT(struct, rw_slot);
RW_LAYOUT(struct, rw_policy_key);
RW_LAYOUT(struct, rw_policy_value);
RW_LAYOUT(struct, rw_peer_key);
RW_LAYOUT(struct, rw_peer_value);
RW_LAYOUT(struct, rw_file_key);
RW_LAYOUT(struct, rw_executable);
RW_LAYOUT(struct, rw_exec_key);
RW_LAYOUT(struct, rw_task);
RW_LAYOUT(struct, rw_resolution);
RW_LAYOUT(struct, rw_identity_key);
RW_LAYOUT(struct, rw_process);
RW_LAYOUT(struct, rw_adoption);
RW_LAYOUT(struct, rw_listener_key);
RW_LAYOUT(struct, rw_flow_key);
RW_LAYOUT(struct, rw_flow_value);
RW_LAYOUT(struct, rw_shadow);
RW_LAYOUT(struct, rw_shadow_key);
RW_LAYOUT(struct, rw_shadow_value);
RW_LAYOUT(enum, rw_dns_limit);
RW_LAYOUT(enum, rw_dns_time);
RW_LAYOUT(struct, rw_resolver_key);
RW_LAYOUT(struct, rw_dns_event);
RW_LAYOUT(enum, rw_carried_flag);
RW_LAYOUT(struct, rw_carried);
RW_LAYOUT(struct, rw_cgroup_event);
RW_LAYOUT(struct, rw_event_header);
RW_LAYOUT(struct, rw_exec_event);
RW_LAYOUT(struct, rw_identity_miss_event);
RW_LAYOUT(struct, rw_denial_event);
RW_LAYOUT(struct, rw_unknown_listener_event);
RW_LAYOUT(struct, rw_task_record);
RW_LAYOUT(struct, rw_optional_program);
RW_LAYOUT(struct, rw_meta);
RW_LAYOUT(enum, rw_run);
RW_LAYOUT(enum, rw_lsm_act);
RW_LAYOUT(enum, rw_pause_limit);
RW_LAYOUT(struct, rw_pause);
RW_LAYOUT(struct, rw_exec_header);
RW_LAYOUT(struct, rw_run_key);
RW_LAYOUT(struct, rw_exec_verdict);
RW_LAYOUT(struct, rw_guard_key);
RW_LAYOUT(struct, rw_routine_key);
RW_LAYOUT(struct, rw_lsm_event);
RW_LAYOUT(enum, rw_proof_limit);
RW_LAYOUT(enum, rw_datagram_proof);
RW_LAYOUT(enum, rw_profile);
RW_LAYOUT(enum, rw_remote);
RW_LAYOUT(enum, rw_path);
RW_LAYOUT(enum, rw_level);
RW_LAYOUT(enum, rw_proof_switch);
RW_LAYOUT(enum, rw_proof_fault);
RW_LAYOUT(struct, rw_proof_config);
RW_LAYOUT(struct, rw_proof_peer);
RW_LAYOUT(struct, rw_proof_counts);
RW_LAYOUT(struct, rw_proof_address);
RW_LAYOUT(struct, rw_mute_key);
RW_LAYOUT(struct, rw_proof_event);

#endif
