/** One value of ClickHouse's TabSeparated format; control characters are escaped, so that any text is one field. */
export function formatField(value: string | number | bigint): string {
  if (typeof value !== "string") return String(value);
  return value.replaceAll(/[\\\t\n\r\b\f\0]/g, (character) => ESCAPES[character] ?? character);
}

/** `['a','b']`, with quotes and backslashes escaped for the array and then for the field. */
export function formatArrayField(values: readonly string[]): string {
  const quoted = values.map((value) => `'${formatField(value).replaceAll("'", "\\'")}'`);
  return `[${quoted.join(",")}]`;
}

export function formatRow(fields: readonly string[]): string {
  return `${fields.join("\t")}\n`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  "\\": "\\\\",
  "\t": "\\t",
  "\n": "\\n",
  "\r": "\\r",
  "\b": "\\b",
  "\f": "\\f",
  "\0": "\\0",
};
