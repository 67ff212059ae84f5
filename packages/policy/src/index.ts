export * from "./lower/index.ts";
