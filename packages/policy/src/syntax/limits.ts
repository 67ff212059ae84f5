/** One policy file; a bigger one is a mistake (a log, an archive) and would only cost memory. */
export const FILE_LENGTH_MAX = 16 * 1024 * 1024;
/** Characters of all files of one call together. */
export const TOTAL_LENGTH_MAX = 256 * 1024 * 1024;
/** Documents of one call; a fleet of 100,000 workloads described by hand still fits. */
export const DOCUMENTS_MAX = 250_000;
/** Aliases that one document may expand to, against documents that grow when they are read. */
export const ALIASES_MAX = 100;
/** Problems that are reported of one call; the rest is counted. */
export const PROBLEMS_MAX = 1000;
/** Complaints of the YAML parser about one document: after the first few it only stumbles. */
export const YAML_PROBLEMS_MAX = 10;
