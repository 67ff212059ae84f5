/** C0 and C1 controls, DEL, bidirectional overrides and isolates, line and paragraph separators: what can forge or hide terminal text. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: finding control characters is what this is for
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

function escapeCode(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/**
 * Text that is safe to print on a terminal: names of programs, files and labels come from strangers, so control
 * characters are shown as `\u001b` rather than obeyed.
 */
export function clean(text: string): string {
  return text.replace(UNSAFE, escapeCode);
}

/** The same for text of several lines: line feeds stay. */
export function cleanLines(text: string): string {
  return text.split("\n").map(clean).join("\n");
}
