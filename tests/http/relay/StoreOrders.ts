// @ts-nocheck: read by Relay's compiler alone.
import { graphql } from 'react-relay';

export const storeQuery = graphql`
  query StoreOrdersQuery($id: ID!) {
    store(id: $id) {
      ...StoreOrders_store
    }
    node(id: $id) {
      id
      ...OrderRow_order @alias(as: "order")
    }
  }
`;

// Both directions, and fetched again through node(id:).
export const storeOrders = graphql`
  fragment StoreOrders_store on Store
  @argumentDefinitions(
    first: { type: "Int", defaultValue: 20 }
    after: { type: "String" }
    last: { type: "Int" }
    before: { type: "String" }
  )
  @refetchable(queryName: "StoreOrdersPaginationQuery") {
    id
    name
    orders(first: $first, after: $after, last: $last, before: $before) @connection(key: "StoreOrders_orders") {
      edges {
        node {
          ...OrderRow_order
        }
      }
    }
  }
`;
