/** init, the agent, package managers and kernel helpers: nothing works or can be repaired without them. */
const ESSENTIAL_EXECS: readonly RegExp[] = [
  /^\/(?:usr\/)?sbin\/(?:init|modprobe|insmod|depmod|ldconfig|ldconfig\.real)$/,
  /^\/(?:usr\/)?lib\/systemd\/systemd[^/]*$/,
  /^\/(?:usr\/)?bin\/(?:kmod|dpkg[^/]*|apt[^/]*|rpm|dnf[^/]*|yum|microdnf|zypper|systemctl|systemd-[^/]*)$/,
  /^\/usr\/(?:bin|sbin|lib\/ringwall)\/ringwall[^/]*$/,
];

/** Whether an executable has the path of one that no `run` rule has to name. The path alone proves nothing. */
export function isEssentialExec(path: string): boolean {
  return ESSENTIAL_EXECS.some((pattern) => pattern.test(path));
}
