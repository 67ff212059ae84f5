/** A place where a program may lie; the first that is a regular file and meets its condition is what runs. */
export type ScriptCandidate = {
  /** Absolute, in the process's root. */
  readonly path: string;
  /** Only an archive (ZIP) with this entry. */
  readonly holds?: string;
  /** Only where this file lies too. */
  readonly beside?: string;
  /** Not this file runs but the one that it names: package.json's `main`. */
  readonly names?: "main";
};

/** Which code an execution runs beside its executable. */
export type ScriptSource =
  /** The executable is all there is. */
  | { readonly kind: "none" }
  /** The first of these that fits. Never empty. */
  | {
      readonly kind: "file";
      readonly candidates: readonly ScriptCandidate[];
      /** Whether the working directory took part, so that a later chdir could mislead. */
      readonly relative: boolean;
    }
  | { readonly kind: "unattributable"; readonly why: "stdin" | "inline" | "memfd" | "deleted" };
