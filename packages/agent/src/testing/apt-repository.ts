import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** A file of a package: its text, or another file to copy. */
export type PackagedFile = { readonly text?: string; readonly copyOf?: string; readonly append?: string };

/**
 * A signed package repository with a key of its own, and a private apt and dpkg that install from it: files go to the
 * paths the packages name (below the test's folder), the machine's own package database is not touched.
 */
export class AptRepository {
  readonly folder: string;
  readonly aptConfig: string;
  readonly dpkgDir: string;
  readonly confFolder: string;
  private readonly key: string;
  private readonly pool: string;

  constructor(folder: string) {
    this.folder = folder;
    this.aptConfig = join(folder, "apt.conf");
    this.dpkgDir = join(folder, "root/var/lib/dpkg");
    this.confFolder = join(folder, "root/etc/apt/apt.conf.d");
    this.pool = join(folder, "repo");
    this.key = join(folder, "gnupg");
    for (const place of [
      this.pool,
      this.key,
      this.confFolder,
      ...[
        "root/etc/apt/trusted.gpg.d",
        "root/var/lib/apt/lists/partial",
        "root/var/cache/apt/archives/partial",
      ].map((name) => join(folder, name)),
      ...["info", "updates", "triggers"].map((name) => join(this.dpkgDir, name)),
    ]) {
      mkdirSync(place, { recursive: true, mode: 0o700 });
    }
    writeFileSync(join(this.dpkgDir, "status"), "");
    this.run(
      "gpg",
      "--batch",
      "--passphrase",
      "",
      "--quick-gen-key",
      "test@ringwall.test",
      "ed25519",
      "sign",
      "1d",
    );
    this.run("gpg", "--batch", "--output", join(folder, "key.gpg"), "--export");
    writeFileSync(
      join(folder, "root/etc/apt/sources.list"),
      `deb [signed-by=${folder}/key.gpg] copy:${this.pool} ./\n`,
    );
    writeFileSync(this.aptConfig, configuration(folder, this.dpkgDir));
  }

  /** Builds a package and puts it into the repository, signed anew. Returns the .deb. */
  publish(name: string, version: string, files: Readonly<Record<string, PackagedFile>>): string {
    const deb = this.build(name, version, files, this.pool);
    this.sign();
    return deb;
  }

  build(name: string, version: string, files: Readonly<Record<string, PackagedFile>>, into: string): string {
    const tree = join(this.folder, "tree");
    rmSync(tree, { recursive: true, force: true });
    for (const [path, { text, copyOf, append }] of Object.entries(files)) {
      const place = join(tree, path);
      mkdirSync(dirname(place), { recursive: true });
      if (copyOf !== undefined) cpSync(copyOf, place);
      else writeFileSync(place, text ?? "");
      if (append !== undefined) writeFileSync(place, append, { flag: "a" });
      chmodSync(place, 0o755);
    }
    mkdirSync(join(tree, "DEBIAN"), { mode: 0o755 });
    const control = [
      ...[`Package: ${name}`, `Version: ${version}`, "Architecture: all"],
      ...["Maintainer: Test <test@ringwall.test>", "Description: a test", ""],
    ];
    writeFileSync(join(tree, "DEBIAN/control"), control.join("\n"));
    // As debhelper does: dpkg itself keeps no digests.
    const sums = Object.keys(files).map((path) => `${md5Of(join(tree, path))}  ${path.slice(1)}\n`);
    writeFileSync(join(tree, "DEBIAN/md5sums"), sums.join(""));
    const deb = join(into, `${name}_${version}.deb`);
    // Uncompressed: the copied interpreters are large.
    this.run("dpkg-deb", "--root-owner-group", "-Znone", "--build", tree, deb);
    return deb;
  }

  sign(): void {
    const stanzas = readdirSync(this.pool)
      .filter((name) => name.endsWith(".deb"))
      .map((name) => {
        const bytes = readFileSync(join(this.pool, name));
        const control = this.run("dpkg-deb", "--field", join(this.pool, name)).trim();
        return `${control}\nFilename: ./${name}\nSize: ${bytes.length}\nSHA256: ${sha256(bytes)}\n`;
      });
    const packages = stanzas.join("\n");
    writeFileSync(join(this.pool, "Packages"), packages);
    const release = [
      "Origin: test",
      "Suite: stable",
      `Date: ${new Date().toUTCString().replace("GMT", "UTC")}`,
      "SHA256:",
      ` ${sha256(Buffer.from(packages))} ${Buffer.byteLength(packages)} Packages`,
      "",
    ].join("\n");
    const file = join(this.pool, "Release");
    writeFileSync(file, release);
    this.run("gpg", "--batch", "--yes", "--clearsign", "--output", join(this.pool, "InRelease"), file);
  }

  /** Updates the lists and installs what the arguments say, such as `shop=1.0` or a .deb's path. */
  install(...what: readonly string[]): string {
    this.run("apt-get", "update", "-qq");
    return this.run("apt-get", "install", "-y", "-qq", "--allow-downgrades", ...what);
  }

  run(command: string, ...args: readonly string[]): string {
    return execFileSync(command, args, {
      encoding: "utf8",
      env: {
        PATH: process.env["PATH"],
        LC_ALL: "C",
        GNUPGHOME: this.key,
        APT_CONFIG: this.aptConfig,
        DEBIAN_FRONTEND: "noninteractive",
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
  }

  /** The key agent that gpg started. */
  close(): void {
    execFileSync("gpgconf", ["--homedir", this.key, "--kill", "all"]);
  }
}

function configuration(folder: string, dpkgDir: string): string {
  return `Dir "${folder}/root/";
Dir::Bin::dpkg "/usr/bin/dpkg";
Dir::Bin::methods "/usr/lib/apt/methods/";
Dir::State::status "${dpkgDir}/status";
Dir::Log "${folder}/root";
DPkg::Options { "--admindir=${dpkgDir}"; "--instdir=/"; "--log=${folder}/dpkg.log"; "--force-unsafe-io"; };
DPkg::Path "${process.env["PATH"]}";
APT::Sandbox::User "root";
APT::Architecture "amd64";
APT::Architectures { "amd64"; };
Acquire::Languages "none";
Debug::NoLocking "true";
`;
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function md5Of(file: string): string {
  return createHash("md5").update(readFileSync(file)).digest("hex");
}
