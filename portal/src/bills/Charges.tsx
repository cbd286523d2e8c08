import { money } from "../formats";
import { texts } from "../texts";
import type { Bill } from "./BillPage";

const words = texts.bills;

/** The bill's lines. Null is what the billing system did not answer: the page says above that something lacks. */
export function Charges({ charges, total, withoutTax }: { charges: Bill["charges"]; total: Bill["amountDue"]; withoutTax: Bill["taxExcluded"] }) {
  if (!charges) return null;
  return (
    <section className="card">
      <h2>{words.charges}</h2>
      <table className="charges">
        <tbody>
          {charges.map(({ id, name, amount, product }) => (
            <tr key={id}>
              <th scope="row">
                {name ?? product?.name}
                {product?.name && !name?.includes(product.name) && <small>{product.name}</small>}
              </th>
              <td>{amount && money(amount)}</td>
            </tr>
          ))}
        </tbody>
        <tfoot>
          <tr>
            <th scope="row">
              {words.total} {withoutTax && <small>{words.tax(money(withoutTax))}</small>}
            </th>
            <td>{total && money(total)}</td>
          </tr>
        </tfoot>
      </table>
    </section>
  );
}
