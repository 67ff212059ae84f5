import type { IncomingMessage, ServerResponse } from "node:http";
import cookie from "@fastify/cookie";
import swagger from "@fastify/swagger";
import {
  type FastifyBaseLogger,
  type FastifyInstance,
  fastify,
  LogController,
  type RawServerDefault,
} from "fastify";
import {
  hasZodFastifySchemaValidationErrors,
  serializerCompiler,
  validatorCompiler,
  type ZodTypeProvider,
} from "fastify-type-provider-zod";
import type { PublicUrl } from "../../public-url.ts";
import { refusal } from "../../refusal.ts";
import { requireSignIn } from "./authenticate.ts";
import { serveConsole } from "./console.ts";
import { openApiOptions, trimDocument } from "./openapi.ts";
import { sendRefusal } from "./problem.ts";
import { registerAdmin } from "./routes/admin.ts";
import { registerChanges } from "./routes/changes.ts";
import { registerDrill } from "./routes/drill.ts";
import { registerEvents } from "./routes/events.ts";
import { registerLearning } from "./routes/learning.ts";
import { registerShadow } from "./routes/shadow.ts";
import { registerViews } from "./routes/views.ts";
import type { SignIn, UserServices } from "./services.ts";
import { registerSignIn } from "./sign-in-page.ts";

/** A draft of 10,000 documents is about 5 MB of YAML. */
export const BODY_BYTES_MAX = 32 * 1024 * 1024;

export type UsersApp = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>;

export type UsersAppOptions = {
  readonly services: UserServices;
  readonly signIn: SignIn;
  /** Null: browsers reach this server itself. */
  readonly publicUrl: PublicUrl | null;
  /** Null: no console, as for the schema's generation. */
  readonly consoleDir: string | null;
  readonly logger: FastifyBaseLogger | null;
};

/** The users' API: REST with sessions or a bearer token, its schema, and the console's files. */
export async function buildUsersApp(options: UsersAppOptions): Promise<UsersApp> {
  const base = fastify({
    bodyLimit: BODY_BYTES_MAX,
    ...(options.logger === null ? { logger: false } : { loggerInstance: options.logger }),
    logController: new LogController({ disableRequestLogging: true }),
    forceCloseConnections: true,
  });
  const app = base.withTypeProvider<ZodTypeProvider>();
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  await app.register(cookie);
  await app.register(swagger, openApiOptions());
  setErrorReplies(app);
  requireSignIn(app, options.signIn, options.publicUrl);
  registerSignIn(app, options.signIn, options.publicUrl);
  registerViews(app, options.services);
  registerChanges(app, options.services);
  registerLearning(app, options.services);
  registerDrill(app, options.services);
  registerShadow(app, options.services);
  registerAdmin(app, options.services, options.signIn);
  registerEvents(app, options.services);
  app.get("/api/v1/openapi.json", { schema: { hide: true } }, async () => trimDocument({ ...app.swagger() }));
  await serveConsole(app, options.consoleDir);
  return app;
}

function setErrorReplies(app: UsersApp): void {
  app.setErrorHandler((error, request, reply) => {
    if (hasZodFastifySchemaValidationErrors(error)) {
      const problems = error.validation.map((issue) => ({
        code: "bad-request",
        severity: "error" as const,
        message: `\`${issue.instancePath.slice(1).replaceAll("/", ".") || error.validationContext}\`: ${issue.message ?? "not valid"}`,
      }));
      return sendRefusal(
        reply,
        refusal(400, "bad-request", "the request is not what this route takes", { problems }),
      );
    }
    const status = error instanceof Error && "statusCode" in error ? Number(error.statusCode) : 500;
    if (status >= 400 && status < 500 && error instanceof Error) {
      return sendRefusal(reply, refusal(400, "bad-request", error.message));
    }
    request.log.error({ err: error, path: request.url.split("?", 1)[0] }, "request failed");
    return sendRefusal(
      reply,
      refusal(503, "internal", "the controller could not answer", { fix: "look into the controller's log" }),
    );
  });
}
