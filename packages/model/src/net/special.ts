import {
  type AddressRange,
  prefixOrUndefined,
  rangesContain,
  rangesOfPrefix,
  unionRanges,
} from "./prefix.ts";

/**
 * Not globally reachable: IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890 and its updates, as of
 * 2025), with multicast (RFC 5771, RFC 4291) and reserved space. Exceptions inside 192.0.0.0/24 and 2001::/23 that are
 * globally reachable are listed below.
 */
const NOT_GLOBAL = [
  ...["0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"],
  ...["192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15"],
  ...["198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"],
  // Of IPv6 only 2000::/3 is allocated for global unicast.
  ...["::/3", "4000::/2", "8000::/1"],
  ...["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"],
];
const GLOBAL_EXCEPTIONS = ["192.0.0.9/32", "192.0.0.10/32", "2001:1::1/128", "2001:1::2/128", "2001:3::/32"];

function rangesOf(texts: readonly string[]): readonly AddressRange[] {
  return unionRanges(
    texts.flatMap((text) => {
      const prefix = prefixOrUndefined(text);
      return prefix === undefined ? [] : rangesOfPrefix(prefix);
    }),
  );
}

const notGlobal = rangesOf(NOT_GLOBAL);
const exceptions = rangesOf([...GLOBAL_EXCEPTIONS, "2001:4:112::/48", "2001:20::/28", "2001:30::/28"]);
const loopback = rangesOf(["127.0.0.0/8", "::1/128"]);

/** Ranges of every globally routable address. */
export const notGlobalRanges: readonly AddressRange[] = notGlobal;
export const globalExceptionRanges: readonly AddressRange[] = exceptions;
export const loopbackRanges: readonly AddressRange[] = loopback;

/** Globally routable: the internet, whoever owns the address. */
export function isGlobal(address: bigint): boolean {
  return !rangesContain(notGlobal, address) || rangesContain(exceptions, address);
}

/** 127.0.0.0/8 and ::1: the host itself, whichever host. */
export function isLoopback(address: bigint): boolean {
  return rangesContain(loopback, address);
}
