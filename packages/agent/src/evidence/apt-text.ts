/** Files of apt as text: pure readers. */

/** The SHA-256 digests that a Release file gives (deb822; `SHA256:` and lines of digest, size, name). */
export function parseRelease(text: string): ReadonlyMap<string, string> {
  const digests = new Map<string, string>();
  let inside = false;
  for (const line of text.split("\n")) {
    if (!/^\s/.test(line)) inside = /^SHA256:\s*$/i.test(line);
    else if (inside) {
      const [, sha256, name] = /^\s+([0-9a-f]{64})\s+\d+\s+(\S+)\s*$/.exec(line) ?? [];
      if (sha256 !== undefined && name !== undefined) digests.set(name, sha256);
    }
  }
  return digests;
}

/** The fields of one stanza of a Packages file, by name in lower case. */
export function parseStanza(text: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const line of text.split("\n")) {
    const [, name, value] = /^([A-Za-z0-9-]+):\s*(.*)$/.exec(line) ?? [];
    if (name !== undefined && value !== undefined) fields.set(name.toLowerCase(), value.trim());
  }
  return fields;
}

/** Key files and keys in the text that a source list names: `signed-by=` in brackets, or a `Signed-By` field. */
export function parseSignedBy(text: string): { readonly files: string[]; readonly keys: Buffer[] } {
  const files: string[] = [];
  for (const [, list] of text.matchAll(/signed-by[=:][ \t]*(\/[^\]\s]+(?:[ \t]*,[ \t]*\/[^\]\s]+)*)/gi)) {
    for (const file of (list ?? "").split(/[\s,]+/)) if (file !== "") files.push(file);
  }
  return { files, keys: dearmorAll(text.replace(/^ \.?/gm, "")) };
}

/** The keys of an armoured text (RFC 9580, 6.2) in binary. */
export function dearmorAll(text: string): Buffer[] {
  const keys: Buffer[] = [];
  const block = /-----BEGIN PGP PUBLIC KEY BLOCK-----\r?\n([\s\S]*?)-----END PGP PUBLIC KEY BLOCK-----/g;
  for (const [, body] of text.matchAll(block)) {
    const lines = (body ?? "").split(/\r?\n/);
    const data = lines.filter((line) => /^[A-Za-z0-9+/]+=*$/.test(line) && !line.startsWith("="));
    keys.push(Buffer.from(data.join(""), "base64"));
  }
  return keys;
}

/** `NAME='VALUE'` lines of `apt-config shell`. */
export function parseShellLines(text: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const [, name, value] of text.matchAll(/^([A-Z]+)='(.*)'$/gm)) {
    if (name !== undefined && value !== undefined) values.set(name, value.replaceAll(`'\\''`, "'"));
  }
  return values;
}
