export function DemoDrawer(_: { address: string }) {
  return null;
}
