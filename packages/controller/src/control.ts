import path from "node:path";
import type { Logger } from "pino";
import { type AgentsAddress, agentsAddress } from "./agents-address.ts";
import { createHub } from "./api/agents/hub.ts";
import { serveAgents } from "./api/agents/server.ts";
import { freePort, type ListenAddress } from "./api/listen.ts";
import type { UserServices } from "./api/users/services.ts";
import type { DataDir } from "./data-dir.ts";
import { createEvents } from "./events.ts";
import { createAgentServices } from "./jobs/agent-services.ts";
import { type NewAlert, raiseAlerts } from "./jobs/alerts.ts";
import { createChanges } from "./jobs/changes/changes.ts";
import { createDraftReader } from "./jobs/draft-reader.ts";
import { createDrills } from "./jobs/drill/drills.ts";
import { proofFeatures } from "./jobs/drill/proof-features.ts";
import { watchSchedules } from "./jobs/drill/schedules.ts";
import { type EssentialSource, MANAGEMENT_DEFAULT } from "./jobs/essential.ts";
import { alertsOfNewSoftware } from "./jobs/new-software.ts";
import { createRollout } from "./jobs/rollout.ts";
import { createShadows } from "./jobs/shadow/shadows.ts";
import { watchAgents } from "./jobs/watch-agents.ts";
import { createAsker } from "./jobs/worker/ask.ts";
import { createPolicyAsker } from "./jobs/worker/policies.ts";
import type { ControllerOptions } from "./options.ts";
import { type Authority, loadAuthority } from "./pki/authority.ts";
import { startRotation } from "./pki/rotation.ts";
import { createNotifier } from "./proof/notifier.ts";
import { createProofs } from "./proof/proofs.ts";
import { watchAwaited } from "./proof/watch-awaited.ts";
import { createUserServices } from "./services/user-services.ts";
import { ControllerStartError } from "./start-error.ts";
import type { Stopper } from "./stopper.ts";
import { loadCredentials } from "./store/state/credentials.ts";
import { loadFleet } from "./store/state/fleet.ts";
import type { StateDatabase } from "./store/state/open.ts";
import type { Pending } from "./store/state/revisions.ts";
import type { Stores } from "./stores.ts";

/** Between two looks whether the server needs another certificate. */
const CERTIFICATE_LOOK_MS = 60_000;

export type ControlParts = {
  readonly options: ControllerOptions;
  readonly data: DataDir;
  readonly stores: Stores;
  readonly log: Logger;
  readonly stopper: Stopper;
  readonly listenAgents: ListenAddress;
  readonly usersUrl: () => string;
};

/** Everything between the stores and the users' API; the agents' API is served when it returns. */
export async function startControl(
  parts: ControlParts,
): Promise<{ readonly userServices: UserServices; readonly agentsUrl: string }> {
  const { options, data, stores, log, stopper } = parts;
  const { db } = stores;
  const authority = await loadAuthority(path.join(data.dir, "pki"));
  await requireSameAuthority(db, authority.fingerprint, data.dir);
  const listen = {
    ...parts.listenAgents,
    port: parts.listenAgents.port || (await freePort(parts.listenAgents.host)),
  };
  const address = await agentsAddress(listen, options.advertiseAgents);
  const essential = essentialSource(options, address);

  const core = await startCore(parts, authority, essential);
  const { events, fleet, hub, changes, alert } = core;
  const services = createAgentServices({
    ...core,
    newProcesses: (workload, processes) => alert(alertsOfNewSoftware(workload, processes, fleet, changes)),
    onFlows: () => events.flowsCame(),
  });
  await serve({ authority, address, listen, services, log, stopper });
  // Ended before the server is, so that subscriptions end in order.
  stopper.add(async () => hub.close());
  const watch = watchAgents(fleet, hub, alert, log);
  const awaited = watchAwaited(core.proofs);
  stopper.add(async () => {
    watch.close();
    awaited.close();
  });
  const userServices = createUserServices({
    ...core,
    // A thread of its own: a status never waits for the learner.
    drafts: createDraftReader(db, createPolicyAsker(createAsker())),
    ask: createAsker(),
    essential,
    usersUrl: parts.usersUrl,
    agentsUrl: () => address.url,
    listen: (listener) => events.listen(listener),
  });
  return { userServices, agentsUrl: address.url };
}

/** What both APIs stand on: hosts, subscriptions, and what is in force. */
async function startCore(
  { stores: { db, flows }, log, stopper }: ControlParts,
  authority: Authority,
  essential: EssentialSource,
) {
  const events = createEvents();
  stopper.add(async () => events.close());
  const onChange = () => events.emit({ kind: "status", data: {} });
  const alert = async (alerts: readonly NewAlert[]) => {
    for (const raised of await raiseAlerts(db, alerts)) events.emit({ kind: "alert", data: raised });
  };
  const fleet = await loadFleet(db);
  const hub = createHub(onChange);
  const notifier = createNotifier(hub, () => proofs.version());
  stopper.add(async () => notifier.close());
  const onProving = () => changes.inventoryChanged();
  const proofs = await createProofs({
    db,
    fleet,
    alert,
    onProving,
    onChange: notifier.changed,
    isConnected: (workload) => hub.isConnected(workload),
    nowMs: Date.now,
  });
  const rollout = await createRollout(db, hub, log, Date.now);
  // Another one: a change of what is in force waits for neither.
  const askPolicy = createPolicyAsker(createAsker());
  const changes = await createChanges({
    askPolicy,
    db,
    fleet,
    rollout,
    essential,
    log,
    connected: () => hub.connected().length,
    onChange,
    onRevert: (pending) => alert([revertAlert(pending)]),
    keysAhead: (compiled) => proofs.keysAhead(compiled),
  });
  stopper.add(async () => changes.close());
  // Before the first agent is let in: a deadline may have passed while no controller ran.
  await changes.resume();
  const shadows = createShadows({ db, fleet, hub, essential, onChange });
  const drills = await createDrills({
    db,
    fleet,
    hub,
    authority,
    proofs: (source, destination) => proofFeatures(proofs, source, destination),
    onChange,
    log,
    nowMs: Date.now,
  });
  const schedules = watchSchedules({ db, drills, log, nowMs: Date.now });
  stopper.add(async () => {
    schedules.close();
    drills.close();
  });
  const credentials = await loadCredentials(db);
  return {
    db,
    flows,
    fleet,
    hub,
    rollout,
    shadows,
    drills,
    changes,
    askPolicy,
    credentials,
    authority,
    proofs,
    log,
    events,
    alert,
    onChange,
  };
}

async function serve(parts: {
  readonly authority: Authority;
  readonly address: AgentsAddress;
  readonly listen: ListenAddress;
  readonly services: Parameters<typeof serveAgents>[0]["services"];
  readonly log: Logger;
  readonly stopper: Stopper;
}): Promise<void> {
  const { authority, address, log } = parts;
  const rotation = await startRotation(() => authority.issueForServer(address.hosts), Date.now);
  const server = await serveAgents({
    listen: parts.listen,
    caPem: authority.certificatePem,
    certificate: rotation.first,
    services: parts.services,
    onError: (error) => log.debug({ err: error }, "a connection of an agent failed"),
  });
  parts.stopper.add(() => server.close());
  const timer = setInterval(() => {
    rotation.next().then(
      (certificate) => certificate && server.replaceCertificate(certificate),
      (error: unknown) => log.error({ err: error }, "no new server certificate"),
    );
  }, CERTIFICATE_LOOK_MS);
  timer.unref();
  parts.stopper.add(async () => clearInterval(timer));
}

function essentialSource(options: ControllerOptions, address: AgentsAddress): EssentialSource {
  return {
    controller: { addresses: address.addresses, port: Number(new URL(address.url).port || 443) },
    management: options.management ?? MANAGEMENT_DEFAULT,
    resolvers: options.resolvers ?? null,
  };
}

/** A database that was served under another authority has agents that this one could not speak to. */
async function requireSameAuthority(db: StateDatabase, fingerprint: string, dir: string): Promise<void> {
  const row = await db.selectFrom("facts").select("value").where("key", "=", "ca").executeTakeFirst();
  if (row === undefined) {
    await db.insertInto("facts").values({ key: "ca", value: fingerprint }).execute();
    return;
  }
  if (row.value === fingerprint) return;
  throw new ControllerStartError(
    "wrong-authority",
    `the certificate authority in \`${dir}/pki\` is not the one this database belongs to`,
    "give the data folder that goes with the database, or put its pki folder back from a backup",
  );
}

function revertAlert(pending: Pending): NewAlert {
  return {
    kind: "reverted",
    workload: null,
    message: `revision ${pending.revision} (${pending.what}) was taken back: nobody confirmed it`,
    rule: null,
    timeMs: Date.now(),
    count: 1,
  };
}
