import { accessSync, constants, mkdirSync } from "node:fs";

/** The folder for what a generator writes, made where it is missing; throws what says why nothing can be written there. */
export function makeOutput(folder: string): string {
  mkdirSync(folder, { recursive: true });
  accessSync(folder, constants.W_OK);
  return folder;
}
