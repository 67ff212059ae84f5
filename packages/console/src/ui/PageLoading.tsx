import { Loader } from "@mantine/core";
import classes from "./PageLoading.module.css";

export function PageLoading() {
  return (
    <div className={classes["loading"]} role="status">
      <Loader size="sm" />
      <span>loading</span>
    </div>
  );
}
