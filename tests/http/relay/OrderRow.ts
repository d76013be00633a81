// @ts-nocheck: read by Relay's compiler alone.
import { graphql } from 'react-relay';

export const orderRow = graphql`
  fragment OrderRow_order on Order @refetchable(queryName: "OrderRowRefetchQuery") {
    id
    number
    totalPrice {
      amount
      currencyCode
    }
    items(first: 20) {
      nodes {
        id
        productTitle
      }
    }
  }
`;
