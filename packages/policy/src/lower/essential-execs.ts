/** init, the agent, package managers and kernel helpers: nothing works or can be repaired without them. */
const ESSENTIAL_EXECS: readonly RegExp[] = [
  /^\/(?:usr\/)?sbin\/(?:init|modprobe|insmod|depmod|ldconfig|ldconfig\.real)$/,
  /^\/(?:usr\/)?lib\/systemd\/systemd[^/]*$/,
  /^\/(?:usr\/)?bin\/(?:kmod|dpkg[^/]*|apt[^/]*|rpm|dnf[^/]*|yum|microdnf|zypper|systemctl|systemd-[^/]*)$/,
  /^\/usr\/(?:bin|sbin|lib\/ringwall)\/ringwall[^/]*$/,
];

/** What reaches into other programs' memory by trade. */
const DEBUGGER = /^\/usr\/s?bin\/(?:gdb|gdbserver|lldb(?:-server)?(?:-\d+)?|strace|ltrace|dlv|rr|criu)$/;

/** Whether an executable has the path of a debugger, which may be one where a `run` rule names it. */
export function isDebugger(path: string): boolean {
  return DEBUGGER.test(path);
}

/** Whether an executable has the path of one that no `run` rule has to name. The path alone proves nothing. */
export function isEssentialExec(path: string): boolean {
  return ESSENTIAL_EXECS.some((pattern) => pattern.test(path));
}
