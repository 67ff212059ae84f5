import { MantineProvider } from "@mantine/core";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { createQueryClient } from "./api/query-client.ts";
import { createConsoleRouter } from "./router.tsx";

const queries = createQueryClient();
const router = createConsoleRouter(queries);

/** Colours and sizes come from style sheets only: the content security policy has no room for written-in styles. */
export function App() {
  return (
    <MantineProvider
      defaultColorScheme="auto"
      withCssVariables={false}
      withGlobalClasses={false}
      theme={{ primaryColor: "teal" }}
    >
      <QueryClientProvider client={queries}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </MantineProvider>
  );
}
