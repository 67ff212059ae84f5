import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { PackagedFile } from "./apt-repository.ts";

export const RPM_TOOLS = ["rpm", "rpmbuild", "rpmsign", "rpmkeys", "gpg"].map((name) => `/usr/bin/${name}`);

/**
 * An rpm database with a keyring of its own, and packages built and signed for it: files go to the paths the packages name
 * (below the test's folder), the machine's own database is not touched.
 */
export class RpmDatabase {
  readonly path: string;
  private readonly folder: string;
  private readonly gnupg: string;

  constructor(folder: string) {
    this.folder = folder;
    this.path = join(folder, "rpmdb");
    this.gnupg = join(folder, "gnupg-rpm");
    mkdirSync(this.gnupg, { recursive: true, mode: 0o700 });
    mkdirSync(this.path, { recursive: true });
    this.makeKey("good");
    this.makeKey("stranger");
    this.rpm("--initdb");
    this.trust("good");
  }

  /** Imports a key into rpm's keyring. */
  trust(who: string): void {
    const file = join(this.folder, `${who}.asc`);
    writeFileSync(file, this.run("gpg", "--batch", "--armor", "--export", address(who)));
    this.rpm("--import", file);
  }

  /** Builds a package, and signs its header unless `signer` is null. Returns the .rpm. */
  build(
    name: string,
    version: string,
    files: Readonly<Record<string, PackagedFile>>,
    signer: string | null = "good",
  ): string {
    const top = join(this.folder, "rpmbuild");
    rmSync(top, { recursive: true, force: true });
    for (const [path, { text, copyOf, append }] of Object.entries(files)) {
      const place = join(top, "tree", path);
      mkdirSync(dirname(place), { recursive: true });
      if (copyOf !== undefined) cpSync(copyOf, place);
      else writeFileSync(place, text ?? "");
      if (append !== undefined) writeFileSync(place, append, { flag: "a" });
      chmodSync(place, 0o755);
    }
    const spec = join(top, "package.spec");
    writeFileSync(
      spec,
      [
        ...[`Name: ${name}`, `Version: ${version}`, "Release: 1", "Summary: a test", "License: none"],
        ...["BuildArch: noarch", "%description", "a test", "%install", `cp -a ${top}/tree/. %{buildroot}/`],
        ...["%files", ...Object.keys(files), ""],
      ].join("\n"),
    );
    const defines = [
      ...[`_topdir ${top}`, "_build_id_links none", "debug_package %{nil}", "_binary_payload w0.gzdio"],
      // Files stay as they are: no stripping, no rewriting of interpreters' paths.
      ...["__os_install_post %{nil}", "__spec_install_post %{nil}", "_use_internal_dependency_generator 0"],
    ].flatMap((one) => ["--define", one]);
    this.run("rpmbuild", "-bb", "--quiet", ...defines, spec);
    const rpm = join(this.folder, `${name}-${version}-1.noarch.rpm`);
    cpSync(join(top, `RPMS/noarch/${name}-${version}-1.noarch.rpm`), rpm);
    if (signer !== null) this.sign(rpm, signer);
    return rpm;
  }

  sign(rpm: string, signer: string): void {
    const keys = [`_gpg_name ${address(signer)}`, `_gpg_path ${this.gnupg}`, "__gpg /usr/bin/gpg"];
    this.run("rpmsign", "--addsign", ...keys.flatMap((one) => ["--define", one]), rpm);
  }

  /** What rpm itself says of a package file's signature. */
  verify(rpm: string): string {
    return this.run("rpmkeys", "--dbpath", this.path, "-Kv", rpm);
  }

  install(rpm: string): void {
    // Debian's rpm asks for its option; others don't know it.
    const debian = readFileSync("/etc/os-release", "utf8").includes("debian") ? ["--force-debian"] : [];
    this.rpm("-U", "--nodeps", "--oldpackage", "--replacepkgs", "--replacefiles", ...debian, rpm);
  }

  /**
   * Where an rpm lies that says of one package as much as if it held so many bytes of links: to build a package of that
   * many takes a minute. For PATH.
   */
  verboseAbout(name: string, bytes: number): string {
    const folder = join(this.folder, "verbose");
    mkdirSync(folder);
    const line = ` 120777 /${"d".repeat(4000)}`;
    const more = `awk '{ print } /^${name}\t/ { for (i = 0; i < ${Math.ceil(bytes / line.length)}; i++) print "${line}" }'`;
    const script = `case "$*" in *--hdrid*) /usr/bin/rpm "$@" | ${more};; *) exec /usr/bin/rpm "$@";; esac`;
    writeFileSync(join(folder, "rpm"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    return `${folder}:/usr/bin:/bin`;
  }

  rpm(...args: readonly string[]): string {
    return this.run("rpm", "--dbpath", this.path, ...args);
  }

  private makeKey(who: string): void {
    this.run(
      ...(["gpg", "--batch", "--passphrase", "", "--quick-gen-key"] as const),
      ...[address(who), "rsa2048", "sign", "1d"],
    );
  }

  private run(command: string, ...args: readonly string[]): string {
    return execFileSync(command, args, {
      encoding: "utf8",
      env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C", HOME: this.folder, GNUPGHOME: this.gnupg },
      stdio: ["ignore", "pipe", "pipe"],
    });
  }

  /** The key agent that gpg started. */
  close(): void {
    execFileSync("gpgconf", ["--homedir", this.gnupg, "--kill", "all"]);
  }
}

function address(who: string): string {
  return `${who}@ringwall.test`;
}
