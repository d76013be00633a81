// @ts-nocheck: read by Relay's compiler alone.
import { graphql } from 'react-relay';

export const ordersPageQuery = graphql`
  query OrdersPageQuery($count: Int!, $filter: OrderFilter) {
    ...OrdersPage_query @arguments(count: $count, filter: $filter)
  }
`;

export const ordersPage = graphql`
  fragment OrdersPage_query on Query
  @argumentDefinitions(count: { type: "Int", defaultValue: 50 }, cursor: { type: "String" }, filter: { type: "OrderFilter" })
  @refetchable(queryName: "OrdersPagePaginationQuery") {
    orders(first: $count, after: $cursor, filter: $filter) @connection(key: "OrdersPage_orders") {
      totalCount
      edges {
        node {
          ...OrderRow_order
        }
      }
    }
  }
`;
