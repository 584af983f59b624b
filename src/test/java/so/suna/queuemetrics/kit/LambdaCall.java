package so.suna.queuemetrics.kit;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestStreamHandler;
import com.amazonaws.services.lambda.runtime.events.APIGatewayV2HTTPResponse;
import com.amazonaws.services.lambda.runtime.serialization.events.LambdaEventSerializers;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;

/** Asks a stream handler with an event, and reads its answer as Lambda does. */
public final class LambdaCall {

  private static final ClassLoader LOADER = LambdaCall.class.getClassLoader();

  private LambdaCall() {}

  public static APIGatewayV2HTTPResponse answer(
      RequestStreamHandler handler, InputStream event, Context context) {
    var answer = new ByteArrayOutputStream();
    try {
      handler.handleRequest(event, answer, context);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return LambdaEventSerializers.serializerFor(APIGatewayV2HTTPResponse.class, LOADER)
        .fromJson(new ByteArrayInputStream(answer.toByteArray()));
  }
}
