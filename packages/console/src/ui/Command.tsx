import { ActionIcon, CopyButton, Tooltip } from "@mantine/core";
import classes from "./Command.module.css";
import { CheckIcon, CopyIcon } from "./icons.tsx";

/** A command to type in a shell, with a button that copies it. */
export function Command({ children }: { readonly children: string }) {
  return (
    <span className={classes["command"]}>
      <code>{children}</code>
      <CopyButton value={children}>
        {({ copied, copy }) => (
          <Tooltip label={copied ? "copied" : "copy"}>
            <ActionIcon
              variant="subtle"
              color="gray"
              size="sm"
              onClick={copy}
              aria-label={`copy ${children}`}
            >
              {copied ? <CheckIcon /> : <CopyIcon />}
            </ActionIcon>
          </Tooltip>
        )}
      </CopyButton>
    </span>
  );
}
