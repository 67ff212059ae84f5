/** This agent's version, told to the controller; a test compares it with package.json. */
export const VERSION = "0.1.0";
