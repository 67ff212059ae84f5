import type { ExecControl } from "../exec/exec-control.ts";
import { readMapsName } from "../state/clocks.ts";
import type { WireParts } from "../wire.ts";
import { createPauseWatch, type PauseWatch, type PauseWatchParts } from "./pause-watch.ts";

/** The watch on pauses by hand, with what has to hear of them. */
export async function wirePause(
  { options, enrolment, instance, log, onChange }: WireParts,
  execControl: Pick<ExecControl, "pauseChanged">,
  client: PauseWatchParts["client"],
  userName: PauseWatchParts["userName"],
): Promise<PauseWatch> {
  const onError = (error: unknown) =>
    log.error({ err: error }, "answers from before the pause could not be dropped");
  return createPauseWatch({
    kernel: instance.kernel,
    stateDir: options.stateDir,
    workload: enrolment.credentials.workload,
    mapsName: await readMapsName(options.pinDir),
    client,
    userName,
    nowMs: Date.now,
    onChange: (what) => {
      log.warn(what);
      execControl.pauseChanged().catch(onError);
      onChange();
    },
  });
}
