import type { InterpreterTable } from "./table.ts";

/** POSIX shells and bash; `-c` takes the first argument that is no option, `-s` reads standard input. */
export const shell: InterpreterTable = {
  name: "shell",
  fileName: /^(?:ba|da|k|mk|z|a)?sh(?:\d.*)?$|^rbash$/,
  short: { c: "inline", s: "stdin", o: "value", O: "value" },
  long: { "--rcfile": "inject", "--init-file": "inject" },
  clustered: true,
  attachedOnly: "",
  plusOptions: true,
  injectVariable: "BASH_ENV",
  withoutArguments: "stdin",
  variants: ["%"],
};
