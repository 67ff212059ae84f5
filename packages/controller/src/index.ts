export * from "./options.ts";
export { startController } from "./start.ts";
export { ControllerStartError } from "./start-error.ts";
