const STRICT = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** A byte that is no UTF-8 becomes this plus itself: a lone surrogate, which no text has (Python's PEP 383). */
const ESCAPE = 0xdc00;

/**
 * Names and arguments are bytes that are only usually UTF-8. Different bytes give different text: what is none is kept
 * as lone surrogates (`isWellFormed()` is false), or a file `\uFFFD` could pass for one that is not called so.
 */
export function decodeText(bytes: Uint8Array): string {
  try {
    return STRICT.decode(bytes);
  } catch {
    let text = "";
    for (const byte of bytes) text += String.fromCharCode(byte < 0x80 ? byte : ESCAPE + byte);
    return text;
  }
}
