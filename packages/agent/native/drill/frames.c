/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Packets that no UDP socket has made. One datagram each, to the target. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "canary.h"

#define IP_BYTES 20
#define UDP_BYTES 8
#define SOURCE_PORT 40999
#define LINE_BYTES 256
#define MAC_BYTES 6

static unsigned short checksum(const void *data, size_t bytes)
{
	const unsigned char *at = data;
	unsigned int sum = 0;

	for (size_t i = 0; i + 1 < bytes; i += 2)
		sum += (at[i] << 8) | at[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons(~sum & 0xffff);
}

/* The first address of a device. */
static struct in_addr address_of(int device)
{
	struct sockaddr_in *own;
	struct ifreq question = {};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if_indextoname(device, question.ifr_name);
	own = (void *)&question.ifr_addr;
	if (ioctl(fd, SIOCGIFADDR, &question))
		memset(&question.ifr_addr, 0, sizeof(question.ifr_addr));
	close(fd);
	return own->sin_addr;
}

static size_t make_datagram(const struct target *target, struct in_addr from,
			    unsigned char *packet)
{
	const struct sockaddr_in *to = (const void *)&target->address;
	size_t data = strlen(target->token);
	unsigned short word;

	memset(packet, 0, IP_BYTES + UDP_BYTES);
	packet[0] = 0x45;
	word = htons(IP_BYTES + UDP_BYTES + data);
	memcpy(packet + 2, &word, 2);
	packet[8] = 64;
	packet[9] = IPPROTO_UDP;
	memcpy(packet + 12, &from, 4);
	memcpy(packet + 16, &to->sin_addr, 4);
	word = checksum(packet, IP_BYTES);
	memcpy(packet + 10, &word, 2);
	word = htons(SOURCE_PORT);
	memcpy(packet + IP_BYTES, &word, 2);
	memcpy(packet + IP_BYTES + 2, &to->sin_port, 2);
	word = htons(UDP_BYTES + data);
	memcpy(packet + IP_BYTES + 4, &word, 2);
	memcpy(packet + IP_BYTES + UDP_BYTES, target->token, data);
	return IP_BYTES + UDP_BYTES + data;
}

void by_raw_datagram(const struct target *target)
{
	unsigned char packet[IP_BYTES + UDP_BYTES + TOKEN_BYTES_MAX];
	size_t bytes;
	int fd;

	if (target->ipv6)
		skip("the target has no IPv4 address");
	fd = must("socket", socket(AF_INET, SOCK_RAW, IPPROTO_RAW));
	/* The kernel puts the source in. */
	bytes = make_datagram(target, (struct in_addr){ 0 }, packet);
	must("sendto", sendto(fd, packet, bytes, 0, (const void *)&target->address, target->bytes));
}

/* The neighbour that takes what goes to the target: itself, or any router. */
static bool find_neighbour(const struct target *target, struct sockaddr_ll *to)
{
	char line[LINE_BYTES], address[64], mac[32], device[IF_NAMESIZE];
	FILE *file = fopen("/proc/net/arp", "r");
	bool found = false;

	if (!file)
		return false;
	while (fgets(line, sizeof(line), file)) {
		unsigned int m[MAC_BYTES];

		if (sscanf(line, "%63s %*s %*s %31s %*s %15s", address, mac, device) != 3)
			continue;
		if (sscanf(mac, "%x:%x:%x:%x:%x:%x", m, m + 1, m + 2, m + 3, m + 4, m + 5) != 6)
			continue;
		if (found && strcmp(address, target->host) != 0)
			continue;
		for (int i = 0; i < MAC_BYTES; i++)
			to->sll_addr[i] = m[i];
		to->sll_ifindex = if_nametoindex(device);
		found = true;
		if (strcmp(address, target->host) == 0)
			break;
	}
	fclose(file);
	return found;
}

static void send_frame(const struct target *target, bool around_queue)
{
	unsigned char packet[IP_BYTES + UDP_BYTES + TOKEN_BYTES_MAX];
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_IP),
		.sll_halen = MAC_BYTES,
	};
	size_t bytes;
	int fd, on = 1;

	if (target->ipv6)
		skip("the target has no IPv4 address");
	fd = must("socket", socket(AF_PACKET, SOCK_DGRAM, 0));
	if (around_queue)
		must("setsockopt", setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on)));
	if (!find_neighbour(target, &to))
		skip("no neighbour is known to send a frame to");
	bytes = make_datagram(target, address_of(to.sll_ifindex), packet);
	must("sendto", sendto(fd, packet, bytes, 0, (void *)&to, sizeof(to)));
}

void by_packet_socket(const struct target *target)
{
	send_frame(target, false);
}

void by_packet_bypass(const struct target *target)
{
	send_frame(target, true);
}

void by_sctp(const struct target *target)
{
	int fd = socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP);

	if (fd < 0 && (errno == EPROTONOSUPPORT || errno == ESOCKTNOSUPPORT))
		skip("this kernel has no SCTP");
	must("socket", fd);
	must("connect", connect_to(target, fd));
	leave_token(target, fd);
}
