/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Listeners that are older than the programs: no callback told of their
 * listen(), so the kernel would never ask for the proof in their answers
 * (optional; an iterator over TCP's sockets may set options since 6.12).
 */
#ifndef RINGWALL_OLDER_LISTENERS_H
#define RINGWALL_OLDER_LISTENERS_H

#define TCP_BPF_SOCK_OPS_CB_FLAGS_OPTION 1008

/* Writes the port of each listener that answers with proofs from now on. */
SEC("iter/tcp")
int prove_listeners(struct bpf_iter__tcp *ctx)
{
	struct sock_common *common = ctx->sk_common;
	struct tcp_sock *sk;
	__u32 port;
	int flags;

	if (!common || common->skc_state != BPF_TCP_LISTEN)
		return 0;
	port = common->skc_num;
	sk = bpf_skc_to_tcp_sock(common);
	if (!sk)
		return 0;
	flags = sk->bpf_sock_ops_cb_flags |
		BPF_SOCK_OPS_WRITE_HDR_OPT_CB_FLAG;
	if (!bpf_setsockopt(sk, SOL_TCP, TCP_BPF_SOCK_OPS_CB_FLAGS_OPTION,
			    &flags, sizeof(flags)))
		bpf_seq_write(ctx->meta->seq, &port, sizeof(port));
	return 0;
}

#endif
