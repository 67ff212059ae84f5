// Loaded before a program (`node --import`) it shifts what the program takes for the time of day, as a clock that is wrong
// would; the machine's own clock is everybody's.
const RealDate = Date;
const shiftMs = Number(process.env["RW_CLOCK_SHIFT_MS"] ?? 0);

globalThis.Date = new Proxy(RealDate, {
  construct: (target, given) =>
    Reflect.construct(target, given.length === 0 ? [RealDate.now() + shiftMs] : given),
  get: (target, name) => (name === "now" ? () => RealDate.now() + shiftMs : Reflect.get(target, name)),
});
