import type { PortalHomeQuery } from "../gql/graphql";
import type { Asked } from "../graph/useAsked";

export type Me = PortalHomeQuery["me"] | undefined;

/** What each card of the home gets: the whole answer, and the customer in it. */
export interface HomeProps {
  home: Asked<PortalHomeQuery>;
  me: Me;
}
