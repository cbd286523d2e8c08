import { graphql } from "relay-runtime"

export const home = graphql`
  query HomeQuery($withTickets: Boolean!) {
    me {
      ...Home_name
      tickets(first: 3) @include(if: $withTickets) {
        nodes {
          id
          name
        }
      }
    }
  }
`

export const name = graphql`
  fragment Home_name on Customer {
    name
  }
`

export const outages = graphql`
  query HomeOutagesQuery($first: Int = 5) {
    outages(first: $first) {
      nodes {
        name
        state
      }
    }
  }
`
