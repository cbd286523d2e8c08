"""What comes in: GraphQL over HTTP, files, GraphiQL, health."""
