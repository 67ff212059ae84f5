import type { InterpreterTable } from "./table.ts";

/** perl(1), perlrun: values of `-0`, `-C`, `-F`, `-M`, `-i`, `-l`, `-x`, `-d`, `-D` stand attached. */
export const perl: InterpreterTable = {
  name: "perl",
  fileName: /^(?:debug)?perl(?:5[0-9.]*)?(?:-[a-z0-9_]+-linux-[a-z0-9]+)?$/,
  short: {
    e: "inline",
    E: "inline",
    I: "inject",
    M: "inject",
    m: "inject",
    d: "inject",
    0: "digits",
    C: "value",
    D: "value",
    F: "value",
    V: "value",
    S: "searchPath",
    i: "value",
    l: "digits",
    x: "value",
  },
  long: {},
  clustered: true,
  attachedOnly: "MmdCDFVix",
  plusOptions: false,
  injectVariable: "PERL5OPT",
  withoutArguments: "stdin",
  variants: ["%"],
};

/** ruby(1). */
export const ruby: InterpreterTable = {
  name: "ruby",
  fileName: /^ruby(?:\d[0-9.]*)?$/,
  short: {
    e: "inline",
    r: "inject",
    I: "inject",
    C: "directory",
    X: "directory",
    E: "value",
    S: "searchPath",
    0: "digits",
    F: "value",
    K: "value",
    T: "digits",
    W: "digits",
    i: "value",
    x: "value",
  },
  long: {
    "--encoding": "value",
    "--external-encoding": "value",
    "--internal-encoding": "value",
    "--enable": "value",
    "--disable": "value",
    "--dump": "value",
    "--parser": "value",
    "--backtrace-limit": "value",
  },
  clustered: true,
  attachedOnly: "FKix",
  plusOptions: false,
  injectVariable: "RUBYOPT",
  withoutArguments: "stdin",
  variants: ["%"],
};

/** php(1), the command-line edition: behind `--` it takes arguments only, and its program from standard input. */
export const php: InterpreterTable = {
  name: "php",
  fileName: /^php(?:\d[0-9.]*)?$/,
  short: {
    r: "inline",
    B: "inline",
    R: "inline",
    E: "inline",
    a: "stdin",
    f: "script",
    F: "script",
    c: "inject",
    d: "setting",
    z: "inject",
    S: "server",
    t: "value",
  },
  long: {
    "--run": "inline",
    "--process-begin": "inline",
    "--process-code": "inline",
    "--process-end": "inline",
    "--interactive": "stdin",
    "--file": "script",
    "--process-file": "script",
    "--php-ini": "inject",
    "--define": "setting",
    "--zend-extension": "inject",
    "--server": "server",
    "--docroot": "value",
    "--rf": "inline",
    "--rc": "inline",
    "--re": "inline",
    "--rz": "inline",
    "--ri": "inline",
  },
  clustered: true,
  attachedOnly: "",
  plusOptions: false,
  injectVariable: "PHPRC",
  withoutArguments: "stdin",
  variants: ["%"],
  behindDashes: "stdin",
  dropsEquals: true,
  // Anything else may load code or change where code is looked for.
  harmlessSettings: new RegExp(
    `^(?:${[
      "memory_limit|max_execution_time|max_input_time|display_errors|display_startup_errors|error_reporting",
      "log_errors|html_errors|date\\.timezone|default_charset|precision|short_open_tag|zend\\.assertions|pcre\\.jit",
    ].join("|")})$`,
  ),
};

/** php-cgi(1): the request's environment names the file that runs, whatever the arguments say. */
export const phpCgi: InterpreterTable = {
  ...php,
  name: "php-cgi",
  fileName: /^php(?:\d[0-9.]*)?-cgi(?:\d[0-9.]*)?$/,
};

/** The dynamic loader run by hand: `ld-linux-x86-64.so.2 PROGRAM` runs PROGRAM under the loader's name. */
export const loader: InterpreterTable = {
  name: "loader",
  fileName: /^ld-(?:linux.*|musl.*|\d.*)\.so(?:\.\d+)?$|^ld(?:64)?\.so(?:\.\d+)?$/,
  short: {},
  long: {
    "--library-path": "inject",
    "--inhibit-rpath": "value",
    "--audit": "inject",
    "--preload": "inject",
    "--argv0": "value",
    "--glibc-hwcaps-prepend": "value",
    "--glibc-hwcaps-mask": "value",
  },
  clustered: false,
  attachedOnly: "",
  plusOptions: false,
  injectVariable: "LD_PRELOAD",
  withoutArguments: "none",
  variants: ["%"],
};
