// Apollo Client asks for a published document by the id in its manifest, and never sends the text.
import { readFileSync } from "node:fs"
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from "@apollo/client"
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries"
import { generatePersistedQueryIdsFromManifest } from "@apollo/persisted-query-lists"

const { endpoint, token, manifest, document } = JSON.parse(process.argv[2])
const sent = []
const persisted = new PersistedQueryLink(
  generatePersistedQueryIdsFromManifest({ loadManifest: async () => JSON.parse(readFileSync(manifest, "utf8")) }),
)
const http = new HttpLink({
  uri: endpoint,
  headers: { Authorization: `Bearer ${token}` },
  fetch: (url, options) => {
    sent.push(Object.keys(JSON.parse(options.body)).sort())
    return fetch(url, options)
  },
})
const client = new ApolloClient({ cache: new InMemoryCache(), link: ApolloLink.from([persisted, http]) })
const { data } = await client.query({ query: gql(readFileSync(document, "utf8")), variables: { withTickets: false } })
console.log(JSON.stringify({ me: data.me.id, sent }))
client.stop()
