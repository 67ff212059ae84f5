import { Command } from "../ui/Command.tsx";
import classes from "./SignInPage.module.css";

/** No session: how to get one. A link that was used or is too old leads here with `?sign-in=failed`. */
export function SignInPage() {
  const failed = new URLSearchParams(window.location.search).get("sign-in") === "failed";
  return (
    <main className={classes["page"]}>
      <section className={classes["box"]} aria-label="Sign in">
        <img src="/ringwall.svg" alt="" width="36" height="36" />
        <h1>Sign in to Ringwall</h1>
        {failed ? (
          <p role="alert">That sign-in link has been used, has expired, or is not this controller's.</p>
        ) : null}
        <p>Type this where the controller runs; it prints a link that works once.</p>
        <Command>ringwall sign-in</Command>
      </section>
    </main>
  );
}
