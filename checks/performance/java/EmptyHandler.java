package so.suna.queuemetrics;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestStreamHandler;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;

/** Does nothing: what Java and Lambda's runtime client cost by themselves. */
public final class EmptyHandler implements RequestStreamHandler {
  @Override
  public void handleRequest(InputStream event, OutputStream result, Context context)
      throws IOException {
    event.readAllBytes();
    result.write("null".getBytes());
  }
}
