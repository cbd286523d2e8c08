/**
 * What the payment provider's own form gave this page for the person's card or account: never a card's number. Put your
 * provider's form here. Undefined: the operator has named a method in the gateway's settings (profile.payment_method).
 */
export function paymentMethodToken(): string | undefined {
  return undefined;
}
