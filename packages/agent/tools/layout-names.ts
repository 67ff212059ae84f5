/** `rw_policy_key` → `policyKey`. */
export function camel(name: string): string {
  return name
    .replace(/^rw_/i, "")
    .toLowerCase()
    .replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}

/** `rw_policy_key` → `PolicyKey`. */
export function pascal(name: string): string {
  const inner = camel(name);
  return inner.charAt(0).toUpperCase() + inner.slice(1);
}

/** `RW_MODE_OBSERVE` among its siblings → `observe`: what all of them begin with goes. */
export function enumValueName(name: string, siblings: readonly string[]): string {
  const common = siblings.reduce((prefix, other) => {
    let length = 0;
    while (length < prefix.length && prefix[length] === other[length]) length++;
    return prefix.slice(0, length);
  }, name);
  const stem = siblings.length === 1 ? name : common;
  return camel(name.slice(stem.lastIndexOf("_") + 1));
}
