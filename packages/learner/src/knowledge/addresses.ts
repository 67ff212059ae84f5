/** What an address is by its number alone (RFC 6890 and the clouds' metadata services). */
export type AddressClass =
  | "loopback"
  | "unspecified"
  | "link-local"
  | "metadata"
  | "multicast"
  | "broadcast"
  | "private"
  | "public";

/** Addresses at which clouds serve instance metadata; link-local by number, but credentials in fact. */
const METADATA: ReadonlySet<string> = new Set(["169.254.169.254", "fd00:ec2::254", "168.63.129.16"]);

export function classOfAddress(ip: string): AddressClass {
  const address = ip.toLowerCase().replace(/^::ffff:(?=\d+\.)/, "");
  if (METADATA.has(address)) return "metadata";
  return address.includes(":") ? classOfV6(address) : classOfV4(address);
}

function classOfV4(ip: string): AddressClass {
  const parts = ip.split(".");
  const a = Number(parts[0]);
  const b = Number(parts[1]);
  if (a === 127) return "loopback";
  if (ip === "0.0.0.0") return "unspecified";
  if (ip === "255.255.255.255") return "broadcast";
  if (a >= 224 && a <= 239) return "multicast";
  if (a === 169 && b === 254) return "link-local";
  const isPrivate =
    a === 10 ||
    (a === 172 && b >= 16 && b <= 31) ||
    (a === 192 && b === 168) ||
    (a === 100 && b >= 64 && b <= 127) ||
    isReserved(a, b, Number(parts[2]));
  if (!isPrivate) return "public";
  return ip.endsWith(".255") ? "broadcast" : "private";
}

/** Not routed on the internet though outside the private blocks: documentation, benchmarks, future use (RFC 6890). */
function isReserved(a: number, b: number, c: number): boolean {
  if (a === 0 || a >= 240) return true;
  if (a === 192 && b === 0) return c === 0 || c === 2;
  return (
    (a === 198 && (b === 18 || b === 19 || (b === 51 && c === 100))) || (a === 203 && b === 0 && c === 113)
  );
}

function classOfV6(ip: string): AddressClass {
  if (ip === "::1") return "loopback";
  if (ip === "::") return "unspecified";
  if (ip.startsWith("ff")) return "multicast";
  if (/^fe[89ab]/.test(ip)) return "link-local";
  return /^(?:f[cd]|2001:0?db8:)/.test(ip) ? "private" : "public";
}

/** The blocks that stand for a class in a rule. */
export const CIDRS_OF_CLASS = {
  loopback: ["127.0.0.0/8", "::1/128"],
  "link-local": ["169.254.0.0/16", "fe80::/10"],
  metadata: ["169.254.169.254/32"],
  multicast: ["224.0.0.0/4", "ff00::/8"],
  broadcast: ["255.255.255.255/32"],
} as const satisfies Partial<Record<AddressClass, readonly string[]>>;

export function isMetadataBlock(block: string): boolean {
  const [ip, length] = block.split("/");
  return ip !== undefined && METADATA.has(ip) && (length === "32" || length === "128");
}

/** The block of exactly one address. */
export function hostBlock(ip: string): string {
  return ip.includes(":") ? `${ip}/128` : `${ip}/32`;
}
