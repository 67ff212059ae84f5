import type { ProcessIdentity } from "@ringwall/model";

/**
 * How far a program is to be believed before anything is known of its peers. `signed`: its package's signature chain
 * covers it. `installed`: it lies where packages and administrators put programs. `dual-use`: an honest program that
 * attackers bring nothing for, because it is there already. `low`: it lies where anybody may write, or has no file.
 */
export type Trust = "signed" | "installed" | "dual-use" | "low";

/** Places where ordinary users and running services may write. */
const WRITABLE =
  /^\/(?:tmp|var\/tmp|dev|run\/user|home|root|proc|users|windows\/temp|programdata|var\/www\/[^/]*\/uploads?)\//i;
const TEMPORARY = /\/(?:temp|tmp|downloads?|desktop|appdata\/local\/temp)\//i;

/**
 * Shells, generic clients and remote-execution tools (GTFOBins and LOLBAS, the ones that open connections), and desktop
 * programs that open none by themselves: a connection of theirs is other code's that runs inside them.
 */
const DUAL_USE: ReadonlySet<string> = new Set(
  (
    "bash sh dash zsh ksh busybox nc ncat netcat nc.openbsd nc.traditional socat telnet nmap masscan hping3 curl wget " +
    "tcpdump ssh-keyscan proxychains4 chisel frpc rclone powershell.exe pwsh.exe pwsh cmd.exe wscript.exe cscript.exe " +
    "mshta.exe rundll32.exe regsvr32.exe certutil.exe bitsadmin.exe msbuild.exe installutil.exe psexec.exe " +
    "psexesvc.exe wmic.exe sc.exe schtasks.exe nltest.exe net.exe net1.exe nslookup.exe cmstp.exe odbcconf.exe " +
    "presentationhost.exe mavinject.exe xwizard.exe forfiles.exe pcalua.exe hh.exe ieexec.exe finger.exe ftp.exe " +
    "tftp.exe csc.exe vbc.exe jsc.exe esentutl.exe desktopimgdownldr.exe winrs.exe reg.exe whoami.exe systeminfo.exe " +
    "notepad.exe wordpad.exe write.exe mspaint.exe calc.exe charmap.exe winver.exe werfault.exe sdclt.exe " +
    "fodhelper.exe eventvwr.exe control.exe openssl awk gawk mawk gdb vim vim.basic tclsh expect whois finger ftp tftp"
  ).split(" "),
);

/** Programs that run other people's code: without the script they say nothing about what ran. */
const INTERPRETER =
  /^(?:python[\d.]*|node|nodejs|deno|bun|perl[\d.]*|ruby[\d.]*|php[\d.]*|lua[\d.]*|bash|sh|dash|zsh|ksh)(?:\.exe)?$/;

export function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

export function isInterpreter(exe: string): boolean {
  return INTERPRETER.test(baseName(exe).toLowerCase());
}

export function trustOf(process: ProcessIdentity): Trust {
  if (process.unattributable !== null) return "low";
  if (isWritablePlace(process.script ?? process.exe) || isWritablePlace(process.exe)) return "low";
  const base = baseName(process.exe).toLowerCase();
  if (isInterpreter(process.exe) && process.script === null) return "dual-use";
  if (DUAL_USE.has(base) && process.script === null) return "dual-use";
  const isSigned = process.evidence === "deb-repo" || process.evidence === "rpm-signed";
  return isSigned && process.script === null ? "signed" : "installed";
}

function isWritablePlace(path: string): boolean {
  return WRITABLE.test(path) || TEMPORARY.test(path);
}

/** Ringwall's own programs: what they do is essential and never a rule. */
export function isOwnProgram(process: ProcessIdentity): boolean {
  return (
    /^ringwall(?:-agent|d|-controller)?$/.test(baseName(process.exe)) ||
    /\/ringwall[^/]*\/.*agent/.test(process.script ?? "")
  );
}
