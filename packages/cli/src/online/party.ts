/** One end of an edge as people say it: `crm-api on crm-app-1`. */
export function party(place: string, software: string | null): string {
  return software === null ? place : `${software} on ${place}`;
}
