type Explained = { is: string; do?: string }

/** Every code a problem document may carry, explained for people; shown at /help/errors. errors.test.ts finds the forgotten ones. */
export const errors: { area: string; label: string; codes: Record<string, Explained> }[] = [
  {
    area: 'request',
    label: '请求',
    codes: {
      'request.invalid': { is: '填写的内容或参数不对', do: '逐处修改 errors 里列出的位置，再提交一次。' },
    },
  },
]
