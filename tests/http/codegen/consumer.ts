// A front end's view of what was generated: compiled, never run.
import type { AnythingQuery, LatestOrdersQuery, LatestOrdersQueryVariables, OrderByIdQuery } from './generated.js';

export const page: LatestOrdersQueryVariables = { first: 20, filter: { financialStatuses: ['PAID'], number: '#1001' } };

export function total(answer: OrderByIdQuery): string {
  return answer.order ? `${answer.order.totalPrice.amount} ${answer.order.totalPrice.currencyCode}` : 'no such order';
}

export function names(answer: LatestOrdersQuery): (string | null | undefined)[] {
  return answer.orders.nodes.map((order) => order.customer?.lastName);
}

export function titles(answer: AnythingQuery): string[] {
  return answer.nodes.flatMap((node) => (node?.__typename === 'Product' ? [node.title] : []));
}

// @ts-expect-error `number` is not a number
export const wrong: LatestOrdersQueryVariables = { filter: { number: 1001 } };
