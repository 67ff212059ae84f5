/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef RINGWALL_DECOY_H
#define RINGWALL_DECOY_H

#include <sys/socket.h>

/* An address and port as text; returns the bytes used of `to`. */
socklen_t parse_address(const char *host, const char *port,
			struct sockaddr_storage *to);
/* Runs for `seconds`. Prints `ready PORT`, then `tcp TOKEN` or `udp TOKEN`. */
int listen_for_tokens(const char *host, int seconds);

#endif
