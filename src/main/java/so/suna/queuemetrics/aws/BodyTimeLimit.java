package so.suna.queuemetrics.aws;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.Optional;
import software.amazon.awssdk.core.interceptor.Context;
import software.amazon.awssdk.core.interceptor.ExecutionAttributes;
import software.amazon.awssdk.core.interceptor.ExecutionInterceptor;

/**
 * Maximum time to read a response body, even if bytes keep trickling in. To end a call, the SDK
 * closes the body, and the JDK makes that wait for a lock which a thread that keeps reading hardly
 * ever releases: of 50 bodies closed while they were read, 3 took more than 2 s, one 6.5 s.
 */
record BodyTimeLimit(Duration limit) implements ExecutionInterceptor {

  @Override
  public Optional<InputStream> modifyHttpResponseContent(
      Context.ModifyHttpResponse context, ExecutionAttributes attributes) {
    return context.responseBody().map(this::limited);
  }

  InputStream limited(InputStream body) {
    long start = System.nanoTime();
    return new FilterInputStream(body) {
      @Override
      public int read() throws IOException {
        return inTime(in.read());
      }

      @Override
      public int read(byte[] bytes, int offset, int length) throws IOException {
        return inTime(in.read(bytes, offset, length));
      }

      private int inTime(int read) throws SocketTimeoutException {
        if (System.nanoTime() - start > limit.toNanos()) {
          throw new SocketTimeoutException(
              "response body not read within %s s".formatted(limit.toSeconds()));
        }
        return read;
      }
    };
  }
}
